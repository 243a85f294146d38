// Step 3 for objects.
export function objectClass() {}
