// fetch can be none here: an outbound call is an `async` import, and this engine has none.

export async function fetch() {
  throw new TypeError('the engine "quickjs" makes no outbound calls; leave `engine` out to run on StarlingMonkey, which does');
}
