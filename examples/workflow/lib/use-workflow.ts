"use client";

import { useState } from "react";
import { useRealtime } from "./realtime-client";

export interface Step {
  stepName: string;
  result?: unknown;
  isDone: boolean;
}

/** What is known of a run. Everything comes from its events. */
interface RunState {
  runId: string | null;
  steps: Step[];
  question: string | null;
  isFinished: boolean;
}

const newRun = (runId: string | null): RunState => ({ runId, steps: [], question: null, isFinished: false });

export function useWorkflow(initialRunId: string | null) {
  const [run, setRun] = useState(() => newRun(initialRunId));
  const { runId } = run;

  const { status } = useRealtime({
    enabled: runId !== null,
    channels: runId === null ? [] : [runId],
    // The first steps may be over before the page listens, or before somebody opens it.
    history: true,
    onData({ channel, event, data }) {
      setRun((before) => {
        if (channel !== before.runId) return before; // of the run that was shown before
        switch (event) {
          case "workflow.stepStart":
            return { ...before, steps: [...before.steps, { stepName: data.stepName, isDone: false }] };
          case "workflow.stepFinish":
            return { ...before, steps: withResult(before.steps, { ...data, isDone: true }) };
          case "workflow.waitingForInput":
            return { ...before, question: data.question };
          case "workflow.inputResolved":
            return { ...before, question: null };
          case "workflow.runFinish":
            return { ...before, isFinished: true };
        }
      });
    },
  });

  async function trigger() {
    const response = await fetch("/api/trigger", { method: "POST" });
    if (!response.ok) throw new Error(`The workflow was not triggered: ${response.status}`); // the old run stays
    const { workflowRunId } = (await response.json()) as { workflowRunId: string };
    setRun(newRun(workflowRunId));
    // Who opens this address sees the same run.
    window.history.replaceState(null, "", `?run=${workflowRunId}`);
  }

  async function answer(approved: boolean) {
    await fetch("/api/answer", { method: "POST", body: JSON.stringify({ runId, approved }) });
  }

  return { ...run, status, trigger, answer };
}

/** The step that began has finished. */
function withResult(steps: Step[], finished: Step): Step[] {
  const begun = steps.findIndex(({ stepName, isDone }) => stepName === finished.stepName && !isDone);
  return begun === -1 ? [...steps, finished] : steps.with(begun, finished);
}
