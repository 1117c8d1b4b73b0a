"use client";

import { useWorkflow } from "@/lib/use-workflow";

export function WorkflowPage(props: { runId: string | null }) {
  const { steps, question, isFinished, runId, status, trigger, answer } = useWorkflow(props.runId);

  return (
    <main>
      <header>
        <h1>Weather report</h1>
        {runId !== null && <p role="status">{status}</p>}
      </header>
      <button onClick={trigger}>Trigger workflow</button>
      <section>
        <h2>Workflow steps</h2>
        {steps.length === 0 && <p className="quiet">Nothing runs yet.</p>}
        <ol>
          {steps.map((step, index) => (
            <li key={index} data-done={step.isDone}>
              <strong>{step.stepName}</strong>
              {Boolean(step.result) && <code>: {JSON.stringify(step.result)}</code>}
            </li>
          ))}
        </ol>
        {question !== null && (
          <form>
            <p>{question}</p>
            <button type="button" onClick={() => answer(true)}>
              Approve
            </button>
            <button type="button" className="plain" onClick={() => answer(false)}>
              Decline
            </button>
          </form>
        )}
        {isFinished && <p className="finished">✅ Workflow Finished!</p>}
      </section>
      {runId !== null && <p className="quiet">Run {runId}. Open this address in another window: it shows all steps.</p>}
    </main>
  );
}
