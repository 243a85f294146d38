// `wasi:config/store`: vars and secrets from the Worker's bindings.

import { configGet, configKeys } from "./host.js";

export const config = (instance) => {
  const { composition, env } = instance;
  const get = (key) => {
    const found = configGet(composition.index, key);
    if (found?.vars !== undefined) return env[found.vars]?.[key];
    return found && env[found.secret];
  };
  return {
    get,
    getAll: () =>
      configKeys(composition.index)
        .map((key) => [key, get(key)])
        .filter(([, value]) => value !== undefined),
  };
};
