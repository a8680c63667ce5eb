// Command cel_oracle evaluates expressions with cel-go, so that our engine can be compared with it on random input.
//
// Each line of standard input is {"expr": "…", "vars": {…}}; each line of standard output is the value in a typed form ("int:5", "list:[string:\"a\"]")
// or "error". Expressions are parsed and not type-checked, as ours are: types are found while evaluating.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/ext"
)

// fromJSON turns json.Number into int64 where it is whole, as CEL's JSON conversion for policies does.
func fromJSON(v any) any {
	switch x := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(string(x), 10, 64); err == nil {
			return i
		}
		if u, err := strconv.ParseUint(string(x), 10, 64); err == nil {
			return u
		}
		f, _ := x.Float64()
		return f
	case map[string]any:
		for k := range x {
			x[k] = fromJSON(x[k])
		}
	case []any:
		for i := range x {
			x[i] = fromJSON(x[i])
		}
	}
	return v
}

func show(v ref.Val) string {
	switch x := v.(type) {
	case types.Null:
		return "null"
	case types.Bool:
		return fmt.Sprintf("bool:%t", bool(x))
	case types.Int:
		return fmt.Sprintf("int:%d", int64(x))
	case types.Uint:
		return fmt.Sprintf("uint:%d", uint64(x))
	case types.Double:
		if math.IsNaN(float64(x)) {
			return "double:nan"
		}
		return fmt.Sprintf("double:%016x", math.Float64bits(float64(x)))
	case types.String:
		return "string:" + hex.EncodeToString([]byte(x))
	case types.Bytes:
		return "bytes:" + hex.EncodeToString([]byte(x))
	case types.Timestamp:
		return "timestamp:" + x.Time.UTC().Format(time.RFC3339Nano)
	case types.Duration:
		return fmt.Sprintf("duration:%d", x.Duration.Nanoseconds())
	case *types.Optional:
		if !x.HasValue() {
			return "none"
		}
		return "optional:" + show(x.GetValue())
	case *types.Type:
		return "type:" + x.TypeName()
	case traits.Mapper:
		var entries []string
		for it := x.Iterator(); it.HasNext() == types.True; {
			k := it.Next()
			entries = append(entries, show(k)+"="+show(x.Get(k)))
		}
		sort.Strings(entries)
		return "map:{" + strings.Join(entries, ",") + "}"
	case traits.Lister:
		var items []string
		for it := x.Iterator(); it.HasNext() == types.True; {
			items = append(items, show(it.Next()))
		}
		return "list:[" + strings.Join(items, ",") + "]"
	}
	return fmt.Sprintf("?%T", v)
}

func evaluate(env *cel.Env, expr string, vars map[string]any) (out string) {
	defer func() {
		if r := recover(); r != nil {
			out = "panic"
		}
	}()
	ast, issues := env.Parse(expr)
	if issues.Err() != nil {
		return "error parse " + strings.ReplaceAll(issues.Err().Error(), "\n", " ")
	}
	program, err := env.Program(ast)
	if err != nil {
		return "error program " + strings.ReplaceAll(err.Error(), "\n", " ")
	}
	value, _, err := program.Eval(vars)
	if err != nil {
		return "error " + strings.ReplaceAll(err.Error(), "\n", " ")
	}
	return show(value)
}

func main() {
	env, err := cel.NewEnv(cel.OptionalTypes(), ext.Strings(), ext.Math(), ext.Encoders(), ext.Bindings(),
		ext.TwoVarComprehensions(), cel.Variable("args", cel.DynType), cel.Variable("tool", cel.DynType),
		cel.Variable("mission", cel.DynType))
	if err != nil {
		panic(err)
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	decoder := json.NewDecoder(in)
	decoder.UseNumber()
	for decoder.More() {
		var request struct {
			Expr string
			Vars map[string]any
		}
		if err := decoder.Decode(&request); err != nil {
			panic(err)
		}
		fmt.Fprintln(out, evaluate(env, request.Expr, fromJSON(request.Vars).(map[string]any)))
	}
}
