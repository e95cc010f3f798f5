import { Inject, Injectable } from '@nestjs/common';
import { ClientProxy } from '@nestjs/microservices';
import { Observable } from 'rxjs';

import { Stock } from '../common/events';
import { CreateOrderDto } from './create-order.dto';

@Injectable()
export class AppService {
  constructor(@Inject('BUS') private readonly bus: ClientProxy) {}

  createOrder(order: CreateOrderDto): Observable<object> {
    return this.bus.send('create-order', order);
  }

  checkStock(productId: string, quantity: number): Observable<Stock> {
    return this.bus.send('check-stock', { productId, quantity });
  }
}
