// What ends an instance: a component did what the component model forbids.

export class Trap extends Error {}
