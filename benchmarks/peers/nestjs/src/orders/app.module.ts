import { Module } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';

import { redis } from '../common/redis';
import { AppController } from './app.controller';

@Module({
  imports: [ClientsModule.register([{ name: 'BUS', ...redis() }])],
  controllers: [AppController],
})
export class AppModule {}
