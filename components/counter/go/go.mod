module counter

go 1.25
