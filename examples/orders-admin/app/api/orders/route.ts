import { admin } from "@/lib/admin";
import { readOrders } from "@/lib/db";

export async function GET(request: Request): Promise<Response> {
  const { searchParams } = new URL(request.url);
  return Response.json(await readOrders(Number(searchParams.get("page")), Number(searchParams.get("pageSize"))));
}

/** Stores an order through the adapter, which tells of it by itself. */
export async function POST(request: Request): Promise<Response> {
  const { customer, item, total } = (await request.json()) as { customer?: unknown; item?: unknown; total?: unknown };
  if (typeof customer !== "string" || typeof item !== "string" || !Number.isSafeInteger(total))
    return Response.json({ error: "An order has a customer, an item and a total in cents." }, { status: 400 });
  return Response.json(await admin.resource("orders").create({ customer, item, total: total as number }), { status: 201 });
}
