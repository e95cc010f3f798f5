import 'reflect-metadata';

import { INestApplication, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';

import { AppModule } from './app.module';

const OPTIONS = { logger: ['error', 'warn'] as ('error' | 'warn')[] };

/** Express is the default of NestJS; Fastify is the faster one, as its documentation says. */
function create(): Promise<INestApplication> {
  if (process.env.HTTP_ADAPTER === 'fastify') {
    return NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), OPTIONS);
  }
  return NestFactory.create(AppModule, OPTIONS);
}

async function main(): Promise<void> {
  const app = await create();
  app.useGlobalPipes(new ValidationPipe());
  app.enableShutdownHooks();
  await app.listen(Number(process.env.PORT), '127.0.0.1');
}

void main();
