package legacy

import (
	"fmt"
	"net/http"
)

// On paper only: comparing two sessions, under the build's paths and under the plan's.

func comparableRows() []object {
	row := func(id, name, created string, assets int, quality float64, savings int, hours float64) object {
		return object{
			{"flow_id", id},
			{"session_name", name},
			{"created_at", created},
			{"status", "completed"},
			{"total_assets", assets},
			{"quality_score", quality},
			{"estimated_cost_savings", savings},
			{"processing_time_hours", hours},
			{"can_compare", true},
		}
	}
	return []object{
		row("1", "Initial Discovery Session", "2025-01-10T10:30:00Z", 1250, 78.5, 2500000, 2.5),
		row("2", "Enhanced Data Import", "2025-01-15T14:20:00Z", 1380, 85.2, 2750000, 3.1),
	}
}

func (b *backend) comparisonHealth(*call) (any, error) {
	return object{
		{"status", "healthy"},
		{"service", "session-comparison-modular"},
		{"version", "2.0.0"},
		{"capabilities", object{
			{"session_comparison", true},
			{"diff_analysis", true},
			{"metrics_tracking", true},
			{"modular_architecture", true},
		}},
	}, nil
}

func (b *backend) comparableSessions(*call) (any, error) {
	rows := []any{}
	for _, row := range comparableRows() {
		rows = append(rows, row)
	}
	return object{{"success", true}, {"data", object{{"sessions", rows}}}}, nil
}

// planComparison is the list under the plan's path; its rows know their engagement.
func (b *backend) planComparison(c *call) (any, error) {
	wanted := c.URL.Query()["engagement_id"]
	rows := []any{}
	for i, row := range comparableRows() {
		engagement := b.store.engagements[i].id
		if len(wanted) > 0 && wanted[len(wanted)-1] != engagement {
			continue
		}
		rows = append(rows, append(row, member{"engagement_id", engagement}))
	}
	return object{{"success", true}, {"data", object{{"sessions", rows}, {"total", len(rows)}}}}, nil
}

func (b *backend) compare(c *call) (any, error) {
	source, target := c.input().text("source_flow_id"), c.input().text("target_flow_id")
	if source == "" || target == "" {
		return nil, fail(http.StatusBadRequest, "Both source and target session IDs are required")
	}
	kind, ok := c.input().lookup("comparison_type")
	if !ok {
		kind = "full_comparison"
	}
	return object{
		{"success", true},
		{"data", object{
			{"comparison_id", fmt.Sprintf("comp_%s_%s", source, target)},
			{"source_flow_id", source},
			{"target_flow_id", target},
			{"comparison_type", kind},
			{"generated_at", "2025-01-16T10:00:00Z"},
			{"summary", object{
				{"total_metrics_compared", 15},
				{"significant_changes", []any{
					object{{"metric", "Quality Score"}, {"change", 6.7}, {"direction", "improvement"}},
					object{{"metric", "Total Assets"}, {"change", 130}, {"direction", "improvement"}},
				}},
				{"overall_improvement", 8.5},
				{"overall_regression", 1.2},
				{"source_session", "Initial Discovery Session"},
				{"target_session", "Enhanced Data Import"},
			}},
			{"key_metrics_diff", object{
				{"quality_score", difference(78.5, 85.2, 6.7, 8.5)},
				{"total_assets", difference(1250, 1380, 130, 10.4)},
			}},
			{"assets_added_count", 130},
			{"assets_removed_count", 0},
			{"assets_modified_count", 45},
			{"assets_unchanged_count", 1205},
		}},
	}, nil
}

func difference(source, target, difference any, percent float64) object {
	return object{
		{"source_value", source},
		{"target_value", target},
		{"difference", difference},
		{"percentage_change", percent},
		{"improvement", true},
	}
}

func (b *backend) comparisonHistory(c *call) (any, error) {
	return object{
		{"items", []any{object{
			{"comparison_id", "comp_1_2"},
			{"source_session_name", "Initial Discovery Session"},
			{"target_session_name", "Enhanced Data Import"},
			{"comparison_type", "full_comparison"},
			{"created_at", "2025-01-16T09:00:00Z"},
			{"created_by", "demo_user"},
			{"key_findings", []any{
				"Quality score improved by 8.5%",
				"130 new assets discovered",
				"Cost savings increased by $250,000",
			}},
		}}},
		{"total", 1},
		{"page", c.query["page"]},
		{"page_size", c.query["page_size"]},
		{"total_pages", 1},
	}, nil
}

func (b *backend) comparisonDetails(c *call) (any, error) {
	return object{
		{"success", true},
		{"data", object{
			{"comparison_id", c.vars["id"]},
			{"generated_at", "2025-01-16T09:00:00Z"},
			{"detailed_metrics", object{
				{"asset_changes", object{{"added", 130}, {"removed", 0}, {"modified", 45}, {"unchanged", 1205}}},
				{"quality_improvements", object{{"data_completeness", 5.2}, {"field_accuracy", 3.8}}},
				{"business_impact", object{{"cost_savings_change", 250000}, {"risk_reduction", 2.3}}},
			}},
		}},
	}, nil
}
