import { Module } from '@nestjs/common';
import { ClientsModule } from '@nestjs/microservices';

import { redis } from '../common/redis';
import { AppController } from './app.controller';
import { AppService } from './app.service';

@Module({
  imports: [ClientsModule.register([{ name: 'BUS', ...redis() }])],
  controllers: [AppController],
  providers: [AppService],
})
export class AppModule {}
