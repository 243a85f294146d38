export const types = () => ({});
export const outgoingHandler = () => ({});
export function ask() {}
