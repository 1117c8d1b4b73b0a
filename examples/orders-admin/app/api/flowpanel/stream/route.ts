import { stream } from "tidings/resources";
import { admin } from "@/lib/admin";

export const GET = stream(admin);
export const runtime = "nodejs";
export const dynamic = "force-dynamic";
