module foreign

go 1.19

require github.com/WqyJh/go-openai-realtime/v2 v2.0.0-rc
