// Reads a text from a request or from elsewhere, no further than a note may be long.

import { Refusal } from "./reply";

/** The most that a note may hold, in bytes. */
const TEXT_BYTES_MAX = 65_536;

class TooLarge extends Error {}

/** The text that a request brings. */
export async function posted(request: Request): Promise<string> {
  try {
    return await text(request.body);
  } catch (error) {
    if (error instanceof TooLarge) throw new Refusal(413, `a note has ${TEXT_BYTES_MAX} bytes at most`);
    throw new Refusal(400, "a note is a text in UTF-8");
  }
}

/** The text that a GET of `from` brings: the one call that leaves this service. */
export async function fetched(from: string): Promise<string> {
  if (!isWeb(from)) throw new Refusal(400, "`from` is a URL that begins with http:// or https://");
  let response: Response;
  try {
    response = await fetch(from);
  } catch (error) {
    console.error(`origin ${from}:`, error);
    throw new Refusal(502, "the origin cannot be reached");
  }
  if (!response.ok) throw new Refusal(502, "the origin has no such text");
  try {
    return await text(response.body);
  } catch (error) {
    console.error(`origin ${from}:`, error);
    throw new Refusal(502, "what the origin sent is no note");
  }
}

function isWeb(text: string): boolean {
  try {
    return /^https?:\/\//.test(text) && new URL(text).host !== "";
  } catch {
    return false;
  }
}

async function text(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const reader = body?.getReader();
  let text = "";
  let length = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > TEXT_BYTES_MAX) {
      reader.cancel().catch(() => {});
      throw new TooLarge();
    }
    text += decoder.decode(value, { stream: true });
  }
  text += decoder.decode();
  if (text === "") throw new TypeError("there is no text");
  return text;
}
