import { admin } from "@/lib/admin";
import { readOrders, ready } from "@/lib/db";
import { MOST_ROWS, PAGE_SIZE } from "@/lib/page-size";

/** What a query says, from 1 to `most`. */
function numberOf(text: string | null, otherwise: number, most: number): number {
  const number = Math.trunc(Number(text));
  return number >= 1 ? Math.min(number, most) : otherwise;
}

export async function GET(request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  const page = numberOf(searchParams.get("page"), 1, 1_000_000);
  const pageSize = numberOf(searchParams.get("pageSize"), PAGE_SIZE, MOST_ROWS);
  return Response.json(await readOrders(page, pageSize));
}

/** Stores an order through the adapter, which tells of it by itself. */
export async function POST(request: Request): Promise<Response> {
  const { customer, item, total } = (await request.json()) as { customer?: unknown; item?: unknown; total?: unknown };
  if (typeof customer !== "string" || typeof item !== "string" || !Number.isSafeInteger(total))
    return Response.json({ error: "An order has a customer, an item and a total in cents." }, { status: 400 });
  await ready;
  return Response.json(await admin.resource("orders").create({ customer, item, total: total as number }), { status: 201 });
}
