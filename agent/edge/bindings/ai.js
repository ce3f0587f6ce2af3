// Workers AI for ai.py: the inputs go in as JSON, and the answer comes out as JSON, or as the
// stream that it is. Nothing is decided here.

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
