// Names of WIT, as the host answers to them.

/** A name as JavaScript spells it: `set-status-code` as `setStatusCode`. */
export const camel = (name) => name.toLowerCase().replace(/-(.)/g, (_, letter) => letter.toUpperCase());
export const pascal = (name) => camel(`-${name}`);

/** `wasi:http/types@0.3.2` as `wasi:http/types@0.3`: a host offers one of the versions that are compatible. */
export function withoutPatch(name) {
  return name.replace(/@(0\.\d+|[1-9]\d*)\.[^#-]*(-[^#]*)?/, "@$1$2");
}
