module {{name}}-object

go 1.25
