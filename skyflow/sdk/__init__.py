"""The parts of the SDK that stand behind `skyflow.client`."""
