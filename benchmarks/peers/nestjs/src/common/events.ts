/** What the services say to each other. */
export interface CreateOrder {
  productId: string;
  quantity: number;
  customerId: string;
}

export class OrderCreatedEvent {
  constructor(
    public readonly orderId: string,
    public readonly productId: string,
    public readonly quantity: number,
    public readonly customerId: string,
  ) {}
}

export interface Stock {
  productId: string;
  available: number;
  inStock: boolean;
}
