import { IsInt, IsNotEmpty, IsString, Max, Min } from 'class-validator';

export class CreateOrderDto {
  @IsString()
  @IsNotEmpty()
  productId: string;

  @IsInt()
  @Min(1)
  @Max(1_000_000)
  quantity: number;

  @IsString()
  @IsNotEmpty()
  customerId: string;
}
