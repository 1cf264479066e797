module github.com/mmpush/mmpush

go 1.26
