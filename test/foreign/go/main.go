// go-openai-realtime v2: text, audio and updates. An event that its types do not know ends a check.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"time"

	openairt "github.com/WqyJh/go-openai-realtime/v2"
)

type report struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Why   string `json:"why,omitempty"`
}

func check(name string, run func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	told := report{Check: name, OK: true}
	if err := run(ctx); err != nil {
		told.OK, told.Why = false, err.Error()
	}
	line, _ := json.Marshal(told)
	fmt.Println(string(line))
}

func main() {
	config := openairt.DefaultConfig(os.Getenv("FOREIGN_KEY"))
	config.BaseURL = os.Getenv("FOREIGN_WS_URL") + "/v1/realtime"
	client := openairt.NewClientWithConfig(config)
	conn, err := client.Connect(context.Background(), openairt.WithModel("demo"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer conn.Close()

	next := func(ctx context.Context, want openairt.ServerEventType) error {
		for {
			event, err := conn.ReadMessage(ctx)
			if err != nil {
				return err
			}
			if event.ServerEventType() == openairt.ServerEventTypeError {
				return fmt.Errorf("%+v", event)
			}
			if event.ServerEventType() == want {
				return nil
			}
		}
	}

	check("update", func(ctx context.Context) error {
		session := openairt.SessionUnion{Realtime: &openairt.RealtimeSession{Instructions: "Be brief."}}
		if err := conn.SendMessage(ctx, openairt.SessionUpdateEvent{Session: session}); err != nil {
			return err
		}
		return next(ctx, openairt.ServerEventTypeSessionUpdated)
	})

	check("text", func(ctx context.Context) error {
		content := []openairt.MessageContentInput{{Type: openairt.MessageContentTypeInputText, Text: "Hello."}}
		item := openairt.MessageItemUnion{User: &openairt.MessageItemUser{Content: content}}
		if err := conn.SendMessage(ctx, openairt.ConversationItemCreateEvent{Item: item}); err != nil {
			return err
		}
		response := openairt.ResponseCreateParams{OutputModalities: []openairt.Modality{openairt.ModalityText}}
		if err := conn.SendMessage(ctx, openairt.ResponseCreateEvent{Response: response}); err != nil {
			return err
		}
		if err := next(ctx, openairt.ServerEventTypeResponseOutputTextDone); err != nil {
			return err
		}
		return next(ctx, openairt.ServerEventTypeResponseDone)
	})

	check("audio", func(ctx context.Context) error {
		speech, err := os.ReadFile(os.Getenv("FOREIGN_SPEECH"))
		if err != nil {
			return err
		}
		for turn := 0; turn < 3; turn++ {
			for at := 0; at < len(speech); at += 4800 {
				end := at + 4800
				if end > len(speech) {
					end = len(speech)
				}
				audio := base64.StdEncoding.EncodeToString(speech[at:end])
				if err := conn.SendMessage(ctx, openairt.InputAudioBufferAppendEvent{Audio: audio}); err != nil {
					return err
				}
			}
			if err := next(ctx, openairt.ServerEventTypeResponseOutputAudioDone); err != nil {
				return err
			}
			if err := next(ctx, openairt.ServerEventTypeResponseDone); err != nil {
				return err
			}
		}
		return nil
	})
}
