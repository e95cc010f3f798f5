import { randomUUID } from 'node:crypto';

import { Controller, Inject } from '@nestjs/common';
import { ClientProxy, MessagePattern, Payload } from '@nestjs/microservices';

import { CreateOrder, OrderCreatedEvent } from '../common/events';

@Controller()
export class AppController {
  constructor(@Inject('BUS') private readonly bus: ClientProxy) {}

  @MessagePattern('create-order')
  createOrder(@Payload() { productId, quantity, customerId }: CreateOrder): object {
    const orderId = randomUUID();
    this.bus.emit('order.created', new OrderCreatedEvent(orderId, productId, quantity, customerId));
    return { orderId, productId, quantity, status: 'pending' };
  }
}
