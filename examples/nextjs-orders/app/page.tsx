import { placeOrder } from "./actions";
import { Orders } from "./orders";

export default function Page() {
  return (
    <main>
      <form action={placeOrder}>
        <input name="item" aria-label="Item" defaultValue="tea" required />
        <input name="quantity" aria-label="Quantity" type="number" min={1} defaultValue={1} required />
        <button>Order</button>
      </form>
      <Orders />
    </main>
  );
}
