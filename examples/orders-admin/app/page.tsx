import { admin } from "@/lib/admin";
import { readOrders } from "@/lib/db";
import { PAGE_SIZE } from "@/lib/page-size";
import { OrderTable } from "./order-table";

export const dynamic = "force-dynamic";

export default async function Page() {
  // First where the log stands, then the rows: what changes in between is heard.
  const resource = await admin.resource("orders").live();
  const initial = await readOrders(1, PAGE_SIZE);
  return <OrderTable resource={resource} initial={initial} instance={process.env.INSTANCE} />;
}
