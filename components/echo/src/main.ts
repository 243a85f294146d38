// `/quickjs/echo`: tells what it was asked, on the small engine. Two megabytes instead of fourteen, and
// built in two seconds; it has the requests and URLs of the web, and no `fetch`.

export default {
  async fetch(request: Request): Promise<Response> {
    if (!["GET", "HEAD", "POST"].includes(request.method)) {
      return Response.json({ reason: "use GET or POST" }, { status: 405, headers: { allow: "GET, HEAD, POST" } });
    }
    const { pathname, searchParams } = new URL(request.url);
    return Response.json({
      method: request.method,
      path: pathname,
      query: Object.fromEntries(searchParams),
      type: request.headers.get("content-type"),
      text: await request.text(),
    });
  },
};
