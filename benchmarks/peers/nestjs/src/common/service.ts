import 'reflect-metadata';

import { Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MicroserviceOptions } from '@nestjs/microservices';

import { redis } from './redis';

/** Run a service that talks by messages only. */
export async function runService(module: Type): Promise<void> {
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, {
    ...redis(),
    logger: ['error', 'warn'],
  });
  app.enableShutdownHooks();
  await app.listen();
}
