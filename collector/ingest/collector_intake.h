// What agents say, as the collector takes it: into the list of agents, and to the writer.
#pragma once

#include "collector/ingest/agent_session.h"
#include "collector/ingest/agents.h"
#include "collector/ingest/writer.h"
#include "collector/policy/rule_desk.h"

namespace undercoat::collector {

class CollectorIntake : public Intake {
public:
    CollectorIntake(Agents& agents, Writer& writer, RuleDesk& desk) : agents_(agents), writer_(writer), desk_(desk) {}

    bool hello(const AgentLink& link, const remote::Hello& hello, std::string_view) override {
        return agents_.hello(link.agent, hello, link.peer, link.via, link.key);
    }
    void welcomed(const AgentLink& link, const remote::Hello& hello) override { desk_.hello(link, hello); }
    void arrived(const AgentLink& link) override { agents_.here(link.agent); }
    void gone(const AgentLink& link) override {
        agents_.gone(link.agent);
        desk_.gone(link);
    }
    void heartbeat(const std::string& agent, const remote::Heartbeat& heartbeat, std::string_view) override {
        agents_.heartbeat(agent, heartbeat);
    }
    void rules_status(const std::string& agent, const remote::RulesStatus& status, std::string_view) override {
        agents_.rules_status(agent, status);
    }
    bool full() const override { return writer_.full(); }
    bool batch(Incoming batch, std::string_view, std::function<void()> done, std::function<void()> go_on) override {
        return writer_.submit(std::move(batch), std::move(done), std::move(go_on));
    }

private:
    Agents& agents_;
    Writer& writer_;
    RuleDesk& desk_;
};

}  // namespace undercoat::collector
