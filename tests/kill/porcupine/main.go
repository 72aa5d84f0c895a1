// Asks Porcupine, a checker of linearizability by somebody else, whether some order explains what shops were told.
//
// Each id is a register. A post that was answered 202 creates it, or finds it with the same amount; one that was
// answered 409 finds it with another; one without a clear answer may have created it at any time after. A read sees
// one state. Between two operations a payment moves by itself, along the moves that it is given; settled,
// rejected and conflict lead nowhere. A state that keeps its owner gives processor and requestedAt on to the next.
//
// Input: one line {"moves": {state: [states that it may be seen in next]}, "keep": [states]}, then one operation
// a line. Output: one line of JSON for each id that no order explains, or whose search took too long.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

type rules struct {
	Moves map[string][]string `json:"moves"`
	Keep  []string            `json:"keep"`
}

type seen struct {
	State       string  `json:"state"` // empty: there is no such payment
	AmountCents int64   `json:"amountCents"`
	Processor   string  `json:"processor"`
	RequestedAt float64 `json:"requestedAtMs"`
	SettledAt   float64 `json:"settledAtMs"`
}

type operation struct {
	ID          string   `json:"id"`
	Kind        string   `json:"kind"` // post or read
	CalledAt    float64  `json:"calledAtMs"`
	ReturnedAt  *float64 `json:"returnedAtMs"` // null: its answer never came, or said nothing
	AmountCents int64    `json:"amountCents"`
	Outcome     string   `json:"outcome"` // accepted, conflict or none
	Seen        seen     `json:"seen"`
}

func (r rules) step(state, input, _ any) (bool, any) {
	now, op := state.(seen), input.(operation)
	isThere := now.State != ""
	if op.Kind == "read" {
		return r.mayBeSeen(now, op.Seen), op.Seen
	}
	created := seen{State: "accepted", AmountCents: op.AmountCents}
	switch op.Outcome {
	case "accepted":
		if isThere {
			return now.AmountCents == op.AmountCents, now
		}
		return true, created
	case "conflict":
		return isThere && now.AmountCents != op.AmountCents, now
	default:
		if isThere {
			return true, now
		}
		return true, created
	}
}

func (r rules) mayBeSeen(now, next seen) bool {
	if now.State == "" || next.State == "" {
		return now.State == next.State
	}
	if now.AmountCents != next.AmountCents || !slices.Contains(r.Moves[now.State], next.State) {
		return false
	}
	if !slices.Contains(r.Keep, now.State) {
		return true
	}
	isSameOwner := now.Processor == next.Processor && now.RequestedAt == next.RequestedAt
	return isSameOwner && (now.State != "settled" || now.SettledAt == next.SettledAt)
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	var given rules
	byID := map[string][]porcupine.Operation{}
	for first := true; lines.Scan(); first = false {
		if first {
			must(json.Unmarshal(lines.Bytes(), &given))
			continue
		}
		var op operation
		must(json.Unmarshal(lines.Bytes(), &op))
		// Microseconds: calls of one process follow each other within a millisecond.
		returned := int64(math.MaxInt64)
		if op.ReturnedAt != nil {
			returned = int64(*op.ReturnedAt * 1000)
		}
		call := int64(op.CalledAt * 1000)
		byID[op.ID] = append(byID[op.ID], porcupine.Operation{Input: op, Call: call, Return: returned})
	}
	must(lines.Err())
	model := porcupine.Model{Init: func() any { return seen{} }, Step: given.step}
	for id, history := range byID {
		result := porcupine.CheckOperationsTimeout(model, history, 10*time.Second)
		if result != porcupine.Ok {
			must(json.NewEncoder(os.Stdout).Encode(map[string]string{"id": id, "result": string(result)}))
		}
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
