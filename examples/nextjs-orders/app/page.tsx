import { placeOrder } from "./actions";
import { Orders } from "./orders";

export default function Page() {
  return (
    <main>
      <form action={placeOrder}>
        <input name="item" aria-label="Item" defaultValue="tea" />
        <input name="quantity" aria-label="Quantity" type="number" defaultValue={1} />
        <button>Order</button>
      </form>
      <Orders />
    </main>
  );
}
