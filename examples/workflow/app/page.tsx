import { WorkflowPage } from "./workflow-page";

export default async function Page({ searchParams }: { searchParams: Promise<{ run?: string }> }) {
  const { run = null } = await searchParams;
  return <WorkflowPage runId={run} />;
}
