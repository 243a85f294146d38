module {{name}}-service

go 1.25
