// `selvedge:durable`.
export const durableTypes = () => ({});
export const self = () => ({});
export const storage = () => ({});
export const sql = () => ({});
export const alarms = () => ({});
export const namespace = () => ({});
export const stubs = () => ({});
