import { Controller } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload } from '@nestjs/microservices';

import { OrderCreatedEvent, Stock } from '../common/events';

@Controller()
export class AppController {
  private readonly available = new Map([['123', 2 ** 31 - 1]]);

  @EventPattern('order.created')
  onOrderCreated(@Payload() { productId, quantity }: OrderCreatedEvent): void {
    this.checkStock({ productId, quantity });
  }

  @MessagePattern('check-stock')
  checkStock(@Payload() { productId, quantity }: { productId: string; quantity: number }): Stock {
    const available = this.available.get(productId) ?? 0;
    return { productId, available, inStock: available >= quantity };
  }
}
