import assert from "node:assert/strict";
import { test } from "node:test";
import { greeting, nameIn } from "../src/greeting.js";

test("visitors are greeted by name", () => {
  assert.equal(nameIn("http://localhost/?name=Ada+Lovelace"), "Ada Lovelace");
  assert.equal(nameIn("http://localhost/"), "world");
  assert.equal(greeting("Ada", 3), "Hello, Ada! This is visit 3.\n");
});
