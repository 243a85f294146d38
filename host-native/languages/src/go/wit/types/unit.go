// This file is that of `go.bytecodealliance.org/pkg` 0.2.3 (Apache-2.0 WITH LLVM-exception).

package wit_types

type Unit struct{}
