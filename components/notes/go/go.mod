module notes

go 1.25
