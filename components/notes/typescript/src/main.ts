// `/typescript/notes`: keeps notes in a key-value store. `../README.md` says what it answers; the other
// languages' folders beside this one hold the same service.
//
// Requests and responses are those of the web. What is imported from `wasi:…` is in the WIT; its types
// are in `bindings/` after the first build, for editors to find.

import { fetched, posted } from "./body";
import { created, json, Refusal } from "./reply";
import * as store from "./store";

const NOTES = /^\/([^/]*)\/notes$/;
const NOTE = /^\/[^/]*\/notes\/([0-9a-f]{16})$/;

export default {
  async fetch(request: Request): Promise<Response> {
    try {
      return await answer(request);
    } catch (error) {
      if (error instanceof Refusal) return error.response();
      throw error;
    }
  },
};

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const [, route] = NOTES.exec(pathname) ?? [];
  if (route !== undefined) return notes(request, route, searchParams.get("from"));
  const [, id] = NOTE.exec(pathname) ?? [];
  if (id !== undefined) return note(request, id);
  throw new Refusal(404, "there is no such note");
}

async function notes(request: Request, route: string, from: string | null): Promise<Response> {
  switch (request.method) {
    case "GET":
    case "HEAD":
      return json(store.list());
    case "POST": {
      const text = from === null ? await posted(request) : await fetched(from);
      const id = store.newId();
      store.write(id, text);
      return created(`/${route}/notes/${id}`, { id, text });
    }
    default:
      throw new Refusal(405, "a note cannot do that", { allow: "GET, HEAD, POST" });
  }
}

function note(request: Request, id: string): Response {
  switch (request.method) {
    case "GET":
    case "HEAD": {
      const text = store.read(id);
      if (text === undefined) throw new Refusal(404, "there is no such note");
      return json({ id, text });
    }
    case "DELETE":
      store.remove(id);
      return new Response(null, { status: 204 });
    default:
      throw new Refusal(405, "a note cannot do that", { allow: "GET, HEAD, DELETE" });
  }
}
