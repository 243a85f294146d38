// Makes answers, those to what cannot be done among them.

/** A note as the client sees it. */
export interface Note {
  id: string;
  text: string;
}

/** Why a request is not answered as its client wished. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly headers: Record<string, string> = {},
  ) {
    super(reason);
  }

  response(): Response {
    return json({ reason: this.reason }, this.status, this.headers);
  }
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

export function created(location: string, note: Note): Response {
  return json(note, 201, { location });
}
