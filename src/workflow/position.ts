import type { WorkflowContext } from "@upstash/workflow";

/** A step of a run, told apart from others of its name. */
export interface StepPosition {
  /** The number of the step within its run, the same with each attempt. */
  readonly stepId: number;
  /** How many steps of its name have finished, with this one. */
  readonly count: number;
}

/** A step as the request tells of it. */
interface KnownStep {
  readonly stepId: number;
  readonly stepName: string;
  /** Of a planned parallel step, the number that it will have. */
  readonly targetStep?: number;
}

/** Which step has just finished, while `afterExecution` is called. `undefined` when the package does not say so any more. */
export function finishedStep(context: WorkflowContext, stepName: string): StepPosition | undefined {
  const steps = stepsOf(context);
  // `afterExecution` is called for the step that brought this request, which is the newest.
  const last = steps?.at(-1);
  if (!steps || last?.stepName !== stepName || last.stepId === 0) return undefined;
  return { stepId: last.stepId, count: countOf(steps, stepName) };
}

/** Which step begins, while `beforeExecution` is called: the planned one that brought this request, or the next. */
export function startingStep(context: WorkflowContext, stepName: string): StepPosition | undefined {
  const steps = stepsOf(context);
  if (!steps) return undefined;
  const planned = steps.at(-1)?.targetStep;
  // The initial payload is number 0.
  const stepId = planned ?? steps.filter(({ targetStep }) => targetStep === undefined).length;
  return { stepId, count: countOf(steps, stepName) + 1 };
}

function countOf(steps: readonly KnownStep[], stepName: string): number {
  return steps.filter((step) => step.stepName === stepName && step.stepId !== 0).length;
}

/** The steps of the request. They are `protected`, and nothing that is public tells two steps of a name apart. */
function stepsOf(context: WorkflowContext): readonly KnownStep[] | undefined {
  const { steps } = context as unknown as { readonly steps?: unknown };
  return Array.isArray(steps) && steps.every(isStep) ? steps : undefined;
}

function isStep(value: unknown): value is KnownStep {
  return typeof value === "object" && value !== null && "stepId" in value && "stepName" in value;
}
