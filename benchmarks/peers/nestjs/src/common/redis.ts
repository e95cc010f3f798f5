import { RedisOptions, Transport } from '@nestjs/microservices';

/** The Redis transport, over the unix socket that REDIS_SOCKET names. */
export function redis(): RedisOptions {
  const options: object = { path: process.env.REDIS_SOCKET }; // of ioredis; the types of NestJS leave it out
  return { transport: Transport.REDIS, options };
}
