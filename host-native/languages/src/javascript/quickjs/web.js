// What JavaScript on the web has and QuickJS has not. Imported before everything of the author's.

import { fetch } from "./fetch.js";
import { Headers, Request, Response } from "./messages.js";
import { TextDecoder, TextEncoder } from "./text.js";
import { URL, URLSearchParams } from "./url.js";

Object.assign(globalThis, {
  fetch,
  Headers,
  Request,
  Response,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
});
