// What is said, and to whom: the part that needs no host, so Node can test it.

// The name in the query of a URL, as in `?name=Ada`; else the world.
export function nameIn(url) {
  const name = new URL(url).searchParams.get("name") || "world";
  return [...name].slice(0, 100).join("");
}

// One line for a visitor.
export function greeting(name, visits) {
  return `Hello, ${name}! This is visit ${visits}.\n`;
}
