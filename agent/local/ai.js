// A local stand-in for Workers AI: the binding's `run`, and answers in its forms, without any
// model. What it says depends on the model, the inputs and the seed alone, begins with a mark,
// and has `stand_in: true`. It is for trying out and for tests, and is never uploaded.

import { WorkerEntrypoint } from "cloudflare:workers";

// Models of other names answer as the older text models do, or, asked for a text, with vectors.
const OTHERS = { text: "response", dimensions: 768 };
const MODEL = /^@(?:cf|hf)\/[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/;
// Names that are refused, so that refusals can be tried out: Workers AI's code, and its words.
const REFUSED = {
  "@cf/local/no-such-model": [5007, (model) => `No such model ${model} or task`],
  "@cf/local/no-capacity": [3040, () => "Capacity temporarily exceeded, please try again."],
};
const MARK = "[local stand-in]";
const DEFAULT_TOKENS = 256;
const LONGEST_QUOTE = 80;
// The form of a model's answers: OpenAI's (`choices`) or the older one (`response`).
const TEXT_MODELS = {
  "@cf/zai-org/glm-4.7-flash": "choices",
  "@cf/openai/gpt-oss-120b": "choices",
  "@cf/openai/gpt-oss-20b": "choices",
  "@cf/google/gemma-4-26b-a4b-it": "choices",
  "@cf/qwen/qwen3-30b-a3b-fp8": "choices",
  "@cf/meta/llama-3.3-70b-instruct-fp8-fast": "response",
  "@cf/meta/llama-4-scout-17b-16e-instruct": "response",
  "@cf/meta/llama-3.1-8b-instruct-fast": "response",
  "@cf/mistralai/mistral-small-3.1-24b-instruct": "response",
};
const DIMENSIONS = {
  "@cf/baai/bge-small-en-v1.5": 384,
  "@cf/baai/bge-base-en-v1.5": 768,
  "@cf/baai/bge-large-en-v1.5": 1024,
  "@cf/baai/bge-m3": 1024,
  "@cf/google/embeddinggemma-300m": 768,
  "@cf/qwen/qwen3-embedding-0.6b": 1024,
};
const WORDS =
  "a answer asks brief calm clear each edge for from gives here idea in it kind light line made model no of one plain question quiet reads reply says short so steady text that the there this thought to true well with word".split(
    " ",
  );

export default {
  fetch: () => new Response("A local stand-in for Workers AI, for service bindings.\n"),
};

export class AI extends WorkerEntrypoint {
  async run(model, inputs, options) {
    const [code, words] = Object.hasOwn(REFUSED, model) ? REFUSED[model] : [];
    if (code) throw failure(code, words(model));
    if (Object.hasOwn(DIMENSIONS, model)) return embeddings(DIMENSIONS[model], inputs);
    if (Object.hasOwn(TEXT_MODELS, model)) return completion(model, TEXT_MODELS[model], inputs);
    if (!MODEL.test(model)) throw failure(5007, `No such model ${model} or task`);
    return inputs?.text === undefined
      ? completion(model, OTHERS.text, inputs)
      : embeddings(OTHERS.dimensions, inputs);
  }
}

function failure(code, description) {
  const error = new Error(`${code}: ${description}`);
  error.name = "AiError";
  return error;
}

function completion(model, answers, inputs) {
  const messages =
    inputs?.messages ?? (inputs?.prompt ? [{ role: "user", content: inputs.prompt }] : []);
  if (!Array.isArray(messages) || messages.length === 0)
    throw failure(
      5006,
      "Error: oneOf at '/' not met: required properties at '/' are 'prompt' or 'messages'",
    );
  const words = speech(model, inputs, messages);
  const most = inputs.max_tokens ?? DEFAULT_TOKENS;
  const kept = words.slice(0, most);
  const prompt = messages.reduce((sum, { content }) => sum + split(content ?? "").length, 0);
  const usage = {
    prompt_tokens: prompt,
    completion_tokens: kept.length,
    total_tokens: prompt + kept.length,
  };
  const form = forms[answers];
  const reason = kept.length < words.length ? "length" : "stop";
  if (inputs.stream) return stream(kept, form, reason, usage);
  const json = inputs.response_format?.type?.startsWith("json");
  const text = kept.join("");
  return form.whole(json ? { stand_in: true, text } : text, reason, usage, model);
}

// Each word is a token, with the space before it.
function speech(model, inputs, messages) {
  const asked = String(messages.at(-1).content ?? "").slice(0, LONGEST_QUOTE);
  const random = generator(hash(JSON.stringify([model, messages, inputs.seed ?? 0])));
  const drawn = Array.from({ length: 12 + random(20) }, () => WORDS[random(WORDS.length)]);
  return split(`${MARK} ${model} was asked: ${asked} / ${drawn.join(" ")}.`);
}

const split = (text) => String(text).match(/\s*\S+/g) ?? [];

const forms = {
  response: {
    whole: (response, reason, usage) => ({ response, tool_calls: [], usage, stand_in: true }),
    piece: (response) => ({ response, stand_in: true }),
    last: (reason, usage) => ({ response: "", usage, stand_in: true }),
  },
  choices: {
    whole: (content, finish_reason, usage, model) => {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      const message = { role: "assistant", content: text };
      const choices = [{ index: 0, message, finish_reason }];
      return { object: "chat.completion", model, choices, usage, stand_in: true };
    },
    piece: (content) => ({ choices: [{ index: 0, delta: { content } }], stand_in: true }),
    last: (finish_reason, usage) => ({
      choices: [{ index: 0, delta: {}, finish_reason }],
      usage,
      stand_in: true,
    }),
  },
};

// Server-sent events, a word each, made as they are read.
function stream(words, form, reason, usage) {
  const events = [...words.map(form.piece), form.last(reason, usage)].map((each) =>
    JSON.stringify(each),
  );
  events.push("[DONE]");
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      controller.enqueue(encoder.encode(`data: ${events[next]}\n\n`));
      next += 1;
      if (next === events.length) controller.close();
    },
  });
}

function embeddings(dimensions, inputs) {
  const texts = typeof inputs?.text === "string" ? [inputs.text] : inputs?.text;
  if (!Array.isArray(texts) || texts.length === 0)
    throw failure(5006, "Error: required properties at '/' are 'text'");
  if (texts.length > 100) throw failure(5006, "Error: maxItems at '/text' not met");
  const data = texts.map((text) => vector(text, dimensions));
  return {
    shape: [texts.length, dimensions],
    data,
    pooling: inputs.pooling ?? "mean",
    stand_in: true,
  };
}

// Hashed counts of words and of their letters in threes: texts that share them are near.
function vector(text, dimensions) {
  const sums = new Array(dimensions).fill(0);
  const count = (feature, weight) => {
    const number = hash(feature);
    sums[number % dimensions] += number & 0x10000 ? weight : -weight;
  };
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [text]) {
    count(word, 1);
    for (let at = 0; at + 3 <= word.length; at += 1) count(`#${word.slice(at, at + 3)}`, 0.3);
  }
  const length = Math.hypot(...sums) || 1;
  return sums.map((each) => each / length);
}

// FNV-1a, 32 bits, and mixed once more: its low bits alone are poor.
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}

// Whole numbers below what is asked for (xorshift).
function generator(seed) {
  let state = seed || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
