// Workers AI for ai.py: inputs as JSON in, the answer out as JSON or as its stream. Nothing is
// decided here.

import { timely } from "../../../workers_runtime/timely.js";

export async function run(binding, model, inputs, within) {
  try {
    const answer = await timely(
      binding.run(model, JSON.parse(inputs), {}),
      within,
      "no answer within",
    );
    if (answer instanceof ReadableStream) return answer;
    return JSON.stringify({ answer });
  } catch (error) {
    return JSON.stringify({ error: error.message });
  }
}
