/** Whether an engine runs already, as `docker` is set up to reach it. */
export function engineAnswers(): Promise<boolean>;
