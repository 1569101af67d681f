package legacy

import "time"

// Password signs every seeded user in.
const Password = "legacy-demo"

// The seeded users.
const (
	PlatformAdmin = "aaaaaaaa-0000-4000-8000-000000000001" // works in the first client: an Admin Session
	NoAccess      = "aaaaaaaa-0000-4000-8000-000000000002" // no client: the demo context
	LoneAdmin     = "aaaaaaaa-0000-4000-8000-000000000003" // a platform admin without a client: nulls
	TwoClients    = "aaaaaaaa-0000-4000-8000-000000000004" // two clients, one Default Session
	FalseFriend   = "aaaaaaaa-0000-4000-8000-000000000005" // an engagement whose name is all about sessions

	// DemoUser is who every token stands for that cannot be read. Its id is that of the demo session, too.
	DemoUser = "33333333-3333-3333-3333-333333333333"
)

// The seeded engagements; each has the id of the one session in it.
const (
	AzureEngagement       = "58467010-6a72-44e8-ba37-cc0238724455" // of PlatformAdmin and TwoClients
	FalseFriendEngagement = "58467010-6a72-44e8-ba37-cc0238724456"
	SecondEngagement      = "b7a1f0c4-90de-4f0b-8c55-2f6f2b3a7d10" // of the second client of TwoClients
	DemoEngagement        = "22222222-2222-2222-2222-222222222222"
)

const (
	firstClient  = "73dee5f1-6a01-43e3-b1b8-dbe6c66f2990"
	secondClient = "d0c3a8b2-54a1-4c86-9d37-1c1f3e7f9a02"
	demoClient   = "11111111-1111-1111-1111-111111111111"
	demoSession  = DemoUser
)

// seeded is the memory of a backend that just started.
func seeded() *store {
	at := func(month time.Month, day, hour, minute int) time.Time {
		return time.Date(2025, month, day, hour, minute, 0, 0, time.UTC)
	}
	s := &store{
		clients: []*client{
			{
				id: firstClient, name: "Complete Test Client",
				created: at(6, 1, 10, 0).Add(123456 * time.Microsecond), updated: at(6, 2, 11, 0),
			},
			{
				id: secondClient, name: "Nordwind Logistik GmbH", description: "Spedition, Köln – München",
				created: at(6, 3, 8, 30),
			},
			{
				id: demoClient, name: "Democorp", description: "Demonstration Client",
				created: at(5, 1, 9, 0), updated: at(5, 1, 9, 0),
			},
		},
		engagements: []*engagement{
			{
				id: AzureEngagement, name: "Azure Transformation 2025", client: firstClient,
				created: at(6, 1, 10, 0),
			},
			{
				id:     FalseFriendEngagement,
				name:   `Session Hijack – "Admin Session - Übung" <b>&amp;</b> 日本`,
				client: firstClient, description: "moves session_id handling; see /session/switch",
				created: at(7, 8, 19, 0).Add(14730477 * time.Microsecond),
			},
			{
				id: SecondEngagement, name: "Lagerverwaltung → Cloud", client: secondClient, description: "Wave 1",
				created: at(6, 4, 7, 15), updated: at(6, 20, 16, 45),
			},
			{
				id: DemoEngagement, name: "Cloud Migration 2024", client: demoClient,
				description: "Demonstration Engagement", created: at(5, 1, 9, 0), updated: at(5, 1, 9, 0),
			},
		},
		signups: []*user{
			{id: PlatformAdmin, email: "padmin@example.test", name: "Pat Admin", role: "platform_admin",
				home: firstClient},
			{id: NoAccess, email: "nobody@example.test", name: "Noa Body"},
			{id: LoneAdmin, email: "lone-admin@example.test", name: "Lo Admin", role: "platform_admin"},
			{id: TwoClients, email: "two@example.test", name: "Toni Zwei", role: "client_admin", access: []access{
				{"cccccccc-0000-4000-8000-000000000001", firstClient, "client_admin"},
				{"cccccccc-0000-4000-8000-000000000002", secondClient, "client_admin"},
			}},
			{id: FalseFriend, email: "hijack@example.test", name: "Session O'Switch", role: "analyst",
				access:            []access{{"cccccccc-0000-4000-8000-000000000003", firstClient, "analyst"}},
				defaultEngagement: FalseFriendEngagement},
			{id: DemoUser, email: "demo@example.test", name: "Demo User",
				access: []access{{"cccccccc-0000-4000-8000-000000000004", demoClient, "viewer"}}},
		},
		users: map[string]*user{},
	}
	for _, e := range s.engagements {
		e.phase, e.scope, e.cloud = "active", "Full Migration", "migration"
	}
	for _, u := range s.signups {
		s.users[u.id] = u
	}
	return s
}
