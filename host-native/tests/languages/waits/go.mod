module waits

go 1.25
