import { Body, Controller, Get, Param, ParseIntPipe, Post, Query } from '@nestjs/common';
import { Observable } from 'rxjs';

import { Stock } from '../common/events';
import { AppService } from './app.service';
import { CreateOrderDto } from './create-order.dto';

@Controller('api/gateway')
export class AppController {
  constructor(private readonly service: AppService) {}

  @Post('orders')
  createOrder(@Body() order: CreateOrderDto): Observable<object> {
    return this.service.createOrder(order);
  }

  @Get('stock/:productId')
  checkStock(
    @Param('productId') productId: string,
    @Query('quantity', new ParseIntPipe({ optional: true })) quantity = 1,
  ): Observable<Stock> {
    return this.service.checkStock(productId, quantity);
  }
}
